/** Flags of the page of a server: its address, and what its visitors may do. */
import * as parse from "./flagParsers.ts"
import * as flags from "./flags.ts"
import { optional } from "./settings/settingFlag.ts"

/** Address of the page, or `off` for none. */
export type Page = parse.Endpoint | "off"

/** Values of the flags of the page. */
export interface PageInput {
  readonly page: Page | undefined
  readonly control: boolean
  readonly pageHost: ReadonlyArray<string> | undefined
}

/** Address of the page unless another one is given: only this machine reaches it. */
export const defaultAddress: parse.Endpoint = { host: "127.0.0.1", port: 8_066 }

const parsePort = parse.integer(0, 65_535)

/** Parses `on`, `off`, a port of 127.0.0.1, or `HOST:PORT`. A configuration file may have the words of a switch. */
export const parsePage = (text: string): Page | undefined => {
  const port = parsePort(text)
  if (port !== undefined) return { ...defaultAddress, port }
  const isOn = parse.toggle(text)
  return isOn === undefined ? parse.endpoint(text) : isOn ? defaultAddress : "off"
}

/** Names of a host in a URL, without ports: letters, digits, hyphens, dots and underscores. */
const hostName = /^[a-z0-9]([a-z0-9_.-]{0,251}[a-z0-9])?$/i

const parseHosts = (text: string) => {
  const names = text.split(",").map((name) => name.trim().toLowerCase())
  return names.every((name) => hostName.test(name)) ? names : undefined
}

/** Returns the flag of the address of the page. */
export const addressFlag = (section: string, description: string) =>
  optional<Page>({
    name: "page",
    metavar: "ADDRESS",
    description,
    expected: "on (127.0.0.1:8066), off, a port, or a host and a port such as [::1]:8066",
    parse: parsePage,
    section
  })

/** Returns the flags of the page of a server. `defaultText` is the address by default, in the help. */
export const pageFlags = (section: string, defaultText: string) => ({
  page: addressFlag(
    section,
    `Serve a page for browsers: services, clients, transfers, packets. on (127.0.0.1:8066), off, a port, or HOST:PORT (default ${defaultText})`
  ),
  control: flags.toggle(
    section,
    "control",
    "Let those who have the token of the link (random, or PAGE_TOKEN) play games on the page and restart services (default: it only shows)"
  ),
  pageHost: optional<ReadonlyArray<string>>({
    name: "page-host",
    metavar: "NAME,...",
    description: "Names of this machine in the address of the page, besides localhost and IP addresses (default: none)",
    expected: "names of hosts such as games.example, separated by commas",
    parse: parseHosts,
    section
  })
})
