// Made from dashboard.views.generate.follow_time by `python -m tests.support.state_types`; change that, not this.

export interface Shown {
  at: string
  stamp: string
  words: string
}

export interface SheetState {
  images: string
  z: number[][]
  conditions: [number, number][][] | null
}

export interface State {
  run: string
  sheets: SheetState[]
  shown: Shown
  end: Shown
  classes: number
  later: string
}
