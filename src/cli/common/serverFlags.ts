/** Flags of TCP servers: address, limits and operations. */
import type * as Param from "effect/cli/Param"
import * as flags from "./flags.ts"
import * as operationsFlags from "./operationsFlags.ts"

/** Limits of a TCP server, named as in `TcpServer`. Services with human clients have a longer idle timeout. */
export const limits = (section: string | undefined, defaultIdleTimeout = "60s") => ({
  maxConnections: flags.positiveInteger(
    section,
    "max-connections",
    "Maximum number of clients at a time (default 1024, fewer if the descriptor limit is lower)"
  ),
  maxConnectionsPerPeer: flags.positiveInteger(
    section,
    "max-per-peer",
    "Maximum number of clients at a time from one address (default: no limit)"
  ),
  connectionsPerSecond: flags.positiveInteger(
    section,
    "connections-per-second",
    "Maximum number of new clients per second (default: no limit)"
  ),
  connectionsPerSecondPerPeer: flags.positiveInteger(
    section,
    "connections-per-second-per-peer",
    "Maximum number of new clients per second from one address (default: no limit)"
  ),
  allow: flags.networks(section, "allow", "Serve only clients in these networks (default: all)"),
  deny: flags.networks(section, "deny", "Refuse clients in these networks, also those that --allow lists"),
  idleTimeout: flags.duration(
    section,
    "idle-timeout",
    `Disconnect a client that sends nothing for this time (default ${defaultIdleTimeout})`
  ),
  writeTimeout: flags.duration(
    section,
    "write-timeout",
    "Disconnect a client that reads nothing for this time (default 30s)"
  ),
  drain: flags.duration(section, "drain", "Time for requests in progress when the server stops (default 5s)")
})

/** Properties of the listening socket, which cannot change while the server runs. */
export const listener = (section: string) => ({
  backlog: flags.integer(
    section,
    "backlog",
    1,
    65_535,
    "Connections that the kernel keeps until they are accepted (default --max-connections, at least 511; the kernel may allow less)"
  ),
  keepAlive: flags.duration(
    section,
    "keep-alive",
    "Idle time after which TCP probes whether the client still exists (default: no probes)"
  ),
  proxyProtocol: flags.toggle(
    section,
    "proxy-protocol",
    "Require a PROXY header, version 1 or 2, from a load balancer: it has the client's address"
  ),
  unix: flags.optionalText(section, "unix", "PATH", "Listen on a unix socket instead of a port"),
  unixMode: flags.fileMode(section, "unix-mode", "Permissions of the unix socket, such as 660 (default: by the umask)"),
  unixOwner: flags.optionalText(
    section,
    "unix-owner",
    "USER[:GROUP]",
    "Owner of the unix socket (default: the server's)"
  )
})

/** Flags of a TCP server around its own: address, limits, operations and JSON output. */
export const server = <const Own extends Record<string, Param.Any>>(
  section: string,
  defaultPort: number,
  own: Own,
  defaultIdleTimeout?: string
) => ({
  host: flags.host(section),
  port: flags.port(section, defaultPort),
  ...own,
  ...limits(section, defaultIdleTimeout),
  ...listener(section),
  ...operationsFlags.operations(section),
  json: flags.json(section)
})
