"""The account itself: how a program begins, its password, what it may still send."""
