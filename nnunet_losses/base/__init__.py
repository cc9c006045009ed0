"""What every room may know, and no room owns: words, names, and how data sets, images and tables are read."""
