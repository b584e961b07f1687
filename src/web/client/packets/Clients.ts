/** The clients of a service, as its packets tell them. Pure. */
import type { Arrow } from "../../Arrow.ts"

/** The clients that were seen, the newest first. */
export type Clients = ReadonlyArray<string>

/** Maximum number of clients: the newest. */
export const maxClients = 50

/** No client. */
export const none: Clients = []

/**
 * Adds the clients of packets.
 *
 * The client is the end that sends first, unless that is the port of the service. A transfer of TFTP goes on from
 * another port of the server, to a client that is known by its request.
 */
export const add = (clients: Clients, packets: ReadonlyArray<Pick<Arrow, "from" | "to">>, port?: string): Clients => {
  const known = new Set(clients)
  const isService = (end: string) => port !== undefined && end.endsWith(`:${port}`)
  const added: Array<string> = []
  for (const { from, to } of packets) {
    const client = isService(from) ? to : from
    if (known.has(client) || (client === from && known.has(to) && !isService(to))) continue
    known.add(client)
    added.push(client)
  }
  return added.length === 0 ? clients : [...added.reverse(), ...clients].slice(0, maxClients)
}
