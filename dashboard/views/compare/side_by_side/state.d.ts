// Made from dashboard.views.compare.side_by_side by `python -m tests.support.state_types`; change that, not this.

export interface View {
  pick: string
  first: number | null
  share: number
  seed: number
}

export interface Row {
  id: string
  name: string
  words: string
  stamp: string
  sees: string
  images: string
  conditional: boolean
  shape: [number, number, number]
  latent_dim: number
  labels: string[]
}

export interface State {
  rows: Row[]
  view: View
  one_of_each: number[]
  num_images: number
  num: number
}
