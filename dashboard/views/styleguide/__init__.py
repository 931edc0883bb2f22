"""The style page: each part of the pages in each of its states; hidden from the menu."""
