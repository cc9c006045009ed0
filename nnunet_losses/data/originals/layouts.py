"""All layouts by name."""

from nnunet_losses.data.originals.autopet import AUTOPET
from nnunet_losses.data.originals.brats20 import BRATS20
from nnunet_losses.data.originals.isbi2015 import ISBI2015
from nnunet_losses.data.originals.isles22 import ISLES22
from nnunet_losses.data.originals.kits19 import KITS19
from nnunet_losses.data.originals.layout import Layout
from nnunet_losses.data.originals.lits import LITS
from nnunet_losses.data.originals.luna16 import LUNA16
from nnunet_losses.data.originals.msseg2016 import MSSEG2016
from nnunet_losses.data.originals.openms import OPENMS
from nnunet_losses.data.originals.options import LayoutName

LAYOUTS: dict[LayoutName, Layout] = {
    "kits19": KITS19,
    "brats20": BRATS20,
    "lits": LITS,
    "msseg2016": MSSEG2016,
    "isbi2015": ISBI2015,
    "openms": OPENMS,
    "luna16": LUNA16,
    "isles22": ISLES22,
    "autopet": AUTOPET,
}
