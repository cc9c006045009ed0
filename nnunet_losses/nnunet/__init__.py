"""The only room that imports nnU-Net.

In the order in which things act: a trainer's name (``names``), the data before a training (``preparation``), the
training itself (``training``), and what it leaves (``results``). ``start_up.py`` and ``door/`` let nnU-Net find the
trainers; ``doctor.py`` explains why it does not.
"""
