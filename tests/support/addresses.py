"""A session and its address without Streamlit."""

from __future__ import annotations

from dashboard.link import session as state


class Query(dict[str, str]):
    """Stands for Streamlit's query: text only."""

    def __setitem__(self, name: str, value: str) -> None:
        assert isinstance(value, str)
        super().__setitem__(name, value)

    def from_dict(self, values: dict[str, str]) -> None:
        assert all(isinstance(value, str) for value in values.values())
        self.num_written = self.num_written + 1
        self.clear()
        self.update(values)

    num_written = 0


def url() -> dict[str, str]:
    """The address when the script run has ended."""
    state.settle()
    return dict(state.st.query_params)
