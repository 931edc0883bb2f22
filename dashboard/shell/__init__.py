"""What surrounds every page: navigation, the run that is shown, help, presentation, the time machine.

`views` import it; it knows no page.
"""
