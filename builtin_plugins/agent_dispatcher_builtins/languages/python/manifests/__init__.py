"""What the files say by which a tree is packaged and developed: each way of writing it down is read by a module of its own, into one value."""
