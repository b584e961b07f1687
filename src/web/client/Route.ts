/** The addresses of the page. They are fragments, so that static files work. Pure. */

/** A view of the page. */
export type Route =
  | { readonly page: "overview" | "connections" | "transfers" | "peers" | "farm" }
  | { readonly page: "service" | "play"; readonly service: string }
  /** The packets of a service, of all clients or `with` one. */
  | { readonly page: "packets"; readonly service: string; readonly with?: string }
  | { readonly page: "lab"; readonly query: string }
  | { readonly page: "missing"; readonly path: string }

const plain = ["connections", "transfers", "peers", "farm"] as const
const named: Readonly<Record<string, "service" | "play" | "packets">> = {
  services: "service",
  play: "play",
  packets: "packets"
}

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text).toWellFormed()
  } catch {
    return undefined
  }
}

/** Encodes a name. Half a character of UTF-16, which no address can hold, is replaced. */
const encode = (name: string): string => encodeURIComponent(name.toWellFormed())

/** Longest address of a client that is read. */
const maxEndChars = 100

/** Parses the part of an address after `packets/`: a service, and the client after `?with=`. */
const parsePackets = (rest: string): Route | undefined => {
  const [name = "", ...query] = rest.split("?")
  const service = decode(name)
  const end = new URLSearchParams(query.join("?")).get("with")?.slice(0, maxEndChars).toWellFormed()
  if (!service) return undefined
  return end ? { page: "packets", service, with: end } : { page: "packets", service }
}

/** Parses a fragment. Anything is accepted: an unknown address is `missing`. */
export const parse = (hash: string): Route => {
  const path = hash.replace(/^#?\/?/, "")
  if (path === "") return { page: "overview" }
  if (/^lab(?:$|\?)/.test(path)) return { page: "lab", query: path.slice("lab?".length) }
  const only = plain.find((page) => page === path)
  if (only !== undefined) return { page: only }
  const [, first = "", rest = ""] = /^(\w+)\/([^/]+)$/.exec(path) ?? []
  const page = Object.hasOwn(named, first) ? named[first] : undefined
  const missing: Route = { page: "missing", path: decode(path) ?? path }
  if (page === "packets") return parsePackets(rest) ?? missing
  const service = decode(rest)
  return page === undefined || !service ? missing : { page, service }
}

/** Tests if a fragment gives a token to the tab, instead of a view. */
export const givesToken = (hash: string): boolean => hash.startsWith("#token=")

/** Returns the token of a fragment; undefined if there is none that a server may have made or taken. */
export const parseToken = (hash: string): string | undefined => /^#token=([\w.~-]{16,128})(?:&|$)/.exec(hash)?.[1]

/** Formats an address, for links. */
export const format = (route: Route): string => {
  switch (route.page) {
    case "overview":
      return "#/"
    case "service":
      return `#/services/${encode(route.service)}`
    case "play":
      return `#/play/${encode(route.service)}`
    case "packets": {
      const path = `#/packets/${encode(route.service)}`
      return route.with === undefined ? path : `${path}?with=${encode(route.with).replaceAll("%3A", ":")}`
    }
    case "lab":
      return route.query === "" ? "#/lab" : `#/lab?${route.query}`
    case "missing":
      return `#/${route.path}`
    default:
      return `#/${route.page}`
  }
}

/** Returns a key of the view: two addresses with one key show one view, with other settings. */
export const keyOf = (route: Route): string => {
  if (route.page === "lab") return "#/lab"
  return format(route.page === "packets" ? { page: "packets", service: route.service } : route)
}

/** Longest title: an address may hold any name. */
const maxTitleChars = 100

/** Shortens a text of an address for a heading. */
export const short = (text: string): string =>
  text.length <= maxTitleChars ? text : `${text.slice(0, maxTitleChars).toWellFormed()}…`

/** Returns the title of a view. */
export const title = (route: Route): string => {
  switch (route.page) {
    case "service":
      return short(route.service)
    case "play":
      return short(`Play ${route.service}`)
    case "packets":
      return short(`Packets of ${route.service}`)
    case "lab":
      return "Laboratory"
    case "missing":
      return "Not found"
    default:
      return route.page[0]!.toUpperCase() + route.page.slice(1)
  }
}
