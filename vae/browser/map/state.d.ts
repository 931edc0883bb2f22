// Made from dashboard.components.map by `python -m tests.support.state_types`; change that, not this.

export interface View {
  projection: string
  colour: string
  layers: string[]
  tiles: string
  hidden: number[]
  area: number[] | null
  lasso: number[][]
  opacity: number
  ranges: [string, number, number][]
}

export interface Kind {
  name: string
  num_classes: number
}

export interface Method {
  value: string
  title: string
  hint: string
  cap: number | null
}

export interface Plane {
  mean: number[]
  components: number[][]
  explained: number
}

export interface State {
  run: string
  latent_dim: number
  z: number[]
  y: number | null
  mix: [number, number] | null
  at: string
  stamp: string
  part: string
  classes: string[]
  conditional: boolean
  shape: [number, number, number]
  plane: Plane | null
  num: number
  sizes: Record<string, number>
  missing: string
  question: string
  methods: Method[]
  columns: Kind[]
  view: View
  prior: string
  pinned: number | null
  cut: number | null
  centre: boolean
  palette: Record<"light" | "dark", string[]>
  scale: Record<"light" | "dark", string[]>
  compact: boolean
  selected: number[] | null
}
