/**
 * The service that a packet belongs to, by the port of the service or by its client. TFTP answers a request to its port
 * from another one: all packets of that client are then of the service.
 */
import { BoundedMap } from "../../capture/BoundedMap.ts"
import * as Endpoint from "../../network/Endpoint.ts"
import type * as Packet from "../../network/Packet.ts"

/** Port of a service. */
export interface ServicePort {
  readonly service: string
  readonly protocol: "tcp" | "udp"
  readonly port: number
  /** Address of the service, if another one has the same port at another address. Default: any. */
  readonly address?: string | undefined
}

/** The service of a packet, and who has sent it. */
export interface Owner<Port extends ServicePort> {
  readonly port: Port
  readonly fromClient: boolean
}

/** Clients that are answered from other ports; of more of them the oldest are forgotten. */
const maxClients = 1_024

/** The ports of services, and the clients that they answer from other ports. */
export interface PacketOwners<Port extends ServicePort> {
  readonly ports: Map<string, ReadonlyArray<Port>>
  clients: BoundedMap<string, Port>
}

/** Makes the table without services. */
export const make = <Port extends ServicePort>(): PacketOwners<Port> => ({
  ports: new Map(),
  clients: new BoundedMap(maxClients)
})

const keyOf = (protocol: string, port: number) => `${protocol} ${port}`

/** Adds a port. The result removes it, with its clients. */
export const add = <Port extends ServicePort>(owners: PacketOwners<Port>, added: Port): (() => void) => {
  const { ports } = owners
  const key = keyOf(added.protocol, added.port)
  ports.set(key, [...(ports.get(key) ?? []), added])
  return () => {
    const others = (ports.get(key) ?? []).filter((one) => one !== added)
    if (others.length === 0) ports.delete(key)
    else ports.set(key, others)
    for (const [client, port] of owners.clients.entries) if (port === added) owners.clients.entries.delete(client)
  }
}

/** Returns the ports of a service. */
export const portsOf = <Port extends ServicePort>(
  { ports }: PacketOwners<Port>,
  service: string
): ReadonlyArray<Port> =>
  Array.from(ports.values())
    .flat()
    .filter((one) => one.service === service)

/** Adds a client that a service answers from any of its ports. */
export const expect = <Port extends ServicePort>(
  { clients }: PacketOwners<Port>,
  client: Endpoint.Endpoint,
  port: Port
): void => clients.set(Endpoint.format(client), port)

/** Forgets the clients. */
export const forgetClients = <Port extends ServicePort>(owners: PacketOwners<Port>): void => {
  owners.clients = new BoundedMap(maxClients)
}

const atEndpoint = <Port extends ServicePort>(
  { ports }: PacketOwners<Port>,
  transport: Packet.Packet["transport"],
  { address, port }: Endpoint.Endpoint
): Port | undefined => {
  const found = ports.get(keyOf(transport, port))
  return found?.find((one) => one.address === address) ?? found?.find((one) => one.address === undefined)
}

/** Returns the service of a packet; undefined for a packet of none. */
export const ownerOf = <Port extends ServicePort>(
  owners: PacketOwners<Port>,
  { from, to, transport }: Pick<Packet.Packet, "from" | "to" | "transport">
): Owner<Port> | undefined => {
  const called = atEndpoint(owners, transport, to)
  if (called !== undefined) return { port: called, fromClient: true }
  const answers = atEndpoint(owners, transport, from)
  if (answers !== undefined) return { port: answers, fromClient: false }
  const { clients } = owners
  if (transport !== "udp" || clients.entries.size === 0) return undefined
  const sender = clients.get(Endpoint.format(from))
  if (sender !== undefined) return { port: sender, fromClient: true }
  const receiver = clients.get(Endpoint.format(to))
  return receiver === undefined ? undefined : { port: receiver, fromClient: false }
}
