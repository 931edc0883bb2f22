// Made from dashboard.shell.lesson_rail by `python -m tests.support.state_types`; change that, not this.

export interface Choice {
  text: string
  when: Record<string, any>
}

export interface Asked {
  ask: string
  choices: Choice[]
  value: string
  unit: string
  why: string
}

export interface State {
  lesson: string
  step: number
  steps: number
  title: string
  done: Record<string, any> | null
  hint: string
  predict: Asked | null
  highlight: string
  sought: string
  cover: string
  run: string
  at: string
  is_shipped: boolean
  known: Record<string, any>
  opens: string
  can_repeat: boolean
  follows: string
  words: Record<string, string>
}
