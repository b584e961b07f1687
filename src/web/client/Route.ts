/** The addresses of the page. They are fragments, so that static files work. Pure. */

/** A view of the page. */
export type Route =
  | { readonly page: "overview" | "connections" | "transfers" | "peers" | "farm" }
  | { readonly page: "service" | "play" | "packets"; readonly service: string }
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

/** Parses a fragment. Anything is accepted: an unknown address is `missing`. */
export const parse = (hash: string): Route => {
  const path = hash.replace(/^#?\/?/, "")
  if (path === "") return { page: "overview" }
  if (/^lab(?:$|\?)/.test(path)) return { page: "lab", query: path.slice("lab?".length) }
  const only = plain.find((page) => page === path)
  if (only !== undefined) return { page: only }
  const [, first = "", rest = ""] = /^(\w+)\/([^/]+)$/.exec(path) ?? []
  const page = Object.hasOwn(named, first) ? named[first] : undefined
  const service = decode(rest)
  if (page === undefined || !service) return { page: "missing", path: decode(path) ?? path }
  return { page, service }
}

/** Formats an address, for links. */
export const format = (route: Route): string => {
  switch (route.page) {
    case "overview":
      return "#/"
    case "service":
      return `#/services/${encode(route.service)}`
    case "play":
    case "packets":
      return `#/${route.page}/${encode(route.service)}`
    case "lab":
      return route.query === "" ? "#/lab" : `#/lab?${route.query}`
    case "missing":
      return `#/${route.path}`
    default:
      return `#/${route.page}`
  }
}

/** Returns a key of the view: two addresses with one key show one view, with other settings. */
export const keyOf = (route: Route): string => (route.page === "lab" ? "#/lab" : format(route))

/** Returns the title of a view. */
export const title = (route: Route): string => {
  switch (route.page) {
    case "service":
      return route.service
    case "play":
      return `Play ${route.service}`
    case "packets":
      return `Packets of ${route.service}`
    case "lab":
      return "Laboratory"
    case "missing":
      return "Not found"
    default:
      return route.page[0]!.toUpperCase() + route.page.slice(1)
  }
}
