"""Readers of published cross-view data sets: CVUSA, CVACT, VIGOR, University-1652. They read lists and names; no picture is opened."""
