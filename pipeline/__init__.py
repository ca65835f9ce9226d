"""The language of weft and its run time; knows no module and no compiler."""
