/**
 * Flows that a request announces: a server that answers from another port, as a TFTP server does. A state record and a
 * pure step. At most 1,024 flows are kept; the oldest is forgotten.
 */
import type { Field } from "../../network/dissect/FieldDissector.ts"
import type * as Packet from "../../network/Packet.ts"

/** A flow between the endpoint that sent a request, and any port of the address that it was sent to. */
export interface Flow {
  /** Name of the protocol of the flow. */
  readonly protocol: string
  /** Fields of the packets of the flow, besides their own. */
  readonly fields: ReadonlyArray<Field>
}

/** Flows by client and address of the server. */
export interface State {
  readonly flows: ReadonlyMap<string, Flow>
}

/** State without flows. */
export const initial: State = { flows: new Map() }

const maxFlows = 1_024

const keyOf = (client: Packet.Packet["from"], server: string) => `${client.address} ${client.port} ${server}`

/** Returns the flow of a packet, in either direction. */
export const flowOf = ({ flows }: State, { from, to }: Pick<Packet.Packet, "from" | "to">): Flow | undefined =>
  flows.size === 0 ? undefined : (flows.get(keyOf(from, to.address)) ?? flows.get(keyOf(to, from.address)))

/** Adds the flow that a request announces. */
export const expect = ({ flows }: State, { from, to }: Pick<Packet.Packet, "from" | "to">, flow: Flow): State => {
  const next = new Map(flows)
  const key = keyOf(from, to.address)
  next.delete(key)
  if (next.size === maxFlows) next.delete(next.keys().next().value!)
  return { flows: next.set(key, flow) }
}
