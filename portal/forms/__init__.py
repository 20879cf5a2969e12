"""Forms of the pages. They translate between what a browser posts and what services take, and decide nothing."""
