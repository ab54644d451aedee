"""Speed, shown as ratios beside anchors of the same run."""
