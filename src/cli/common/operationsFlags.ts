/** Flags that every server has, whatever its service: user, inherited sockets, the admin server and the page. */
import * as flags from "./flags.ts"
import * as pageFlags from "./pageFlags.ts"
import { settingsOf } from "./settings/settings.ts"

/** Values of the flags of `operations`. */
export interface Operations extends pageFlags.PageInput {
  /** User and group to change to once the sockets are bound. */
  readonly user: string | undefined
  readonly group: string | undefined
  /** True to serve the socket or the pipe that is standard input, as inetd passes it. */
  readonly stdio: boolean
  /** Address of the admin server. */
  readonly admin: flags.Endpoint | undefined
  readonly json: boolean
}

/**
 * Returns the flags of a server that binds its own sockets or inherits them from systemd. `defaultPage` is the address
 * of its page by default, in the help.
 */
export const daemon = (section: string, defaultPage = "off") => ({
  user: flags.optionalText(
    section,
    "user",
    "USER",
    "Run as this user, by name or number, after binding the port and before any file is opened"
  ),
  group: flags.optionalText(section, "group", "GROUP", "Run as this group (default: that of --user)"),
  admin: flags.optionalEndpoint(
    section,
    "admin",
    "Serve /health, /metrics and /services over HTTP on this address, such as 127.0.0.1:9067 (default: off)"
  ),
  ...pageFlags.pageFlags(section, defaultPage)
})

/** Returns the flags of a server that inetd can start, too. */
export const operations = (section: string) => ({
  ...daemon(section),
  stdio: flags.toggle(
    section,
    "stdio",
    "Serve the one connection, or the UDP socket, that is standard input, as inetd and xinetd pass it"
  )
})

/** Names of the options of a process: an instance of `up` has none of them. */
export const names: ReadonlySet<string> = new Set(
  settingsOf({ ...operations(""), json: flags.json("") }).map(({ name }) => name)
)
