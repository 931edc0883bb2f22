// Made from dashboard.views.learn.thumbs by `python -m tests.support.state_types`; change that, not this.

export interface State {
  pixels: string
  shape: number[]
  rows: number[]
  row: number
  name: string
}
