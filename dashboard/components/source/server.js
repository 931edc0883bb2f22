/**
 * The server's routes. Where this module came from tells where they are, under any base path or proxy: it is served as
 * `api/lib/<version>/dashboard/components/source/server.js`.
 */
import { lookAt } from "../../../vae/browser/lib/asking.js"

const parts = new URL(import.meta.url).pathname.split("/")

/** Version of all browser files; it is part of their address, so that browsers may keep them for ever. */
export const VERSION = parts[parts.length - 5]

const API = new URL("../../../../../", import.meta.url)

/**
 * Address of a route.
 * @param {string} path Below `api/`.
 * @param {Record<string, string | number | null | undefined>} [query] Values left out where null or undefined.
 * @returns {string}
 */
export function address(path, query = {}) {
  const url = new URL(path, API)
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, String(value))
  }
  return url.href
}

/**
 * Address of a route of a run.
 * @param {string} run Run id.
 * @param {string} path Below the run.
 * @param {Record<string, string | number | null | undefined>} [query]
 */
export function runAddress(run, path, query) {
  return address(`runs/${encodeURIComponent(run)}/${path}`, query)
}


lookAt(address("health"))
