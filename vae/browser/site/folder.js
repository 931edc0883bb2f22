/** The explorer as a folder that any web server hands out. */
import { importing, persist } from "../lib/asking.js"
import { open } from "./site.js"

/** The folder of the site. */
const base = new URL("../../", import.meta.url)

/** @param {string} name Path in the folder. */
const fetched = (name) => persist(async () => {
  const response = await fetch(new URL(name, base))
  if (response.status === 404) return null
  if (response.ok) return response
  throw Object.assign(new Error(`The site's server answered ${response.status}.`), { answered: true })
})

const site = await (await fetch(new URL("site.json", base))).json()
/** What was shared: nothing else is asked for. */
const there = new Set(site.files)

open({
  site,
  file: async (name) => (there.has(decodeURIComponent(name)) ? ((await fetched(name))?.arrayBuffer() ?? null) : null),
  runtime: new URL("runtime/", base).href,
  load: async (module) => (await importing(new URL(`browser/${module}`, base).href)).module,
  style: async (name) => (await fetched(`browser/${name}`))?.text() ?? "",
})
