/**
 * Where this module came from tells where the server's other routes are, under any base path or proxy.
 * Modules are served as `api/lib/<version>/lib/server.js`.
 */
const parts = new URL(import.meta.url).pathname.split("/")

/** Version of all browser files; it is part of their address, so that browsers may keep them for ever. */
export const VERSION = parts[parts.length - 3]

const API = new URL("../../../", import.meta.url)

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

/** A refusal of the server, in its own words. */
export class ServerError extends Error {}

/**
 * Fetch, and turn a refusal into its sentence.
 * @param {string} url
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function get(url, options) {
  let response
  try {
    response = await fetch(url, options)
  } catch (error) {
    if (error.name === "AbortError") throw error
    throw new ServerError("The server does not answer; check that it is still running.")
  }
  if (response.ok) return response
  let sentence = `The server answered ${response.status}.`
  try {
    const said = await response.json()
    if (typeof said.error === "string") sentence = said.error
  } catch {
    // Not JSON: the status is all there is to say.
  }
  throw new ServerError(sentence)
}
