"""Published data sets in the layouts that their makers chose, one file a layout."""
