/**
 * The assignment of clients to workers as a state machine. Pure: the workers that can take a client are an argument.
 *
 * A client waits until a worker is available, in the order of its connection, and is offered to the one with the fewest
 * clients. It is handed over when the worker responds; while the worker is silent, another one gets the client. If a
 * worker ends, its clients are disconnected, except those whose connections it had not accepted: they wait again,
 * before all others.
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"

/** Phase of a client of a worker: the worker is to respond, was sent the connection, or has it. */
type Phase = "Offered" | "HandedOver" | "Accepted"

/** The clients with and without a worker. */
export interface State {
  readonly waiting: ReadonlyArray<number>
  /** The clients of each worker. */
  readonly workers: ReadonlyMap<number, HashMap.HashMap<number, Phase>>
}

export type Event =
  /** The server accepted a client. */
  | { readonly _tag: "Connected"; readonly client: number }
  /** The session ended in the worker. */
  | { readonly _tag: "Disconnected"; readonly client: number }
  /** The fiber that serves the client was interrupted: no `Release` follows. */
  | { readonly _tag: "Abandoned"; readonly client: number }
  /** The worker responds: it gets the clients that were offered to it. */
  | { readonly _tag: "Responded"; readonly worker: number }
  /** The worker does not respond: the clients that were offered to it wait again. It is not available now. */
  | { readonly _tag: "Silent"; readonly worker: number }
  /** The worker of the client has accepted its connection. */
  | { readonly _tag: "Accepted"; readonly client: number }
  | { readonly _tag: "WorkerAvailable" }
  /** A worker could not start; `isRepeated` if the one before it could not either. */
  | { readonly _tag: "StartFailed"; readonly isRepeated: boolean }
  | { readonly _tag: "WorkerEnded"; readonly worker: number }

export type Action =
  /** Checks that the worker responds; `Responded` or `Silent` follows. */
  | { readonly _tag: "Offer"; readonly client: number; readonly worker: number }
  /** Sends the connection of the client to the worker. */
  | { readonly _tag: "HandOver"; readonly client: number; readonly worker: number }
  /** Requests that the worker disconnects the client. */
  | { readonly _tag: "Abort"; readonly client: number; readonly worker: number }
  /** Ends the fiber that serves the client, if it has not ended. */
  | { readonly _tag: "Release"; readonly client: number }
  /** The client waits again, because its worker ended before it accepted the connection. */
  | { readonly _tag: "Requeue"; readonly client: number }

/** The next state, and the actions to perform. */
export type Transition = readonly [state: State, actions: ReadonlyArray<Action>]

/** No clients and no workers. */
export const initial: State = { waiting: [], workers: new Map() }

const noClients = HashMap.empty<number, Phase>()

/** Returns the clients of a worker. */
export const clientsOf = ({ workers }: State, worker: number) => workers.get(worker) ?? noClients

const withClients = (state: State, worker: number, clients: HashMap.HashMap<number, Phase>): State => {
  const workers = new Map(state.workers)
  if (HashMap.isEmpty(clients)) workers.delete(worker)
  else workers.set(worker, clients)
  return { ...state, workers }
}

/** Returns the clients of a worker in one of the phases, in the order of their connections. */
const clientsIn = (state: State, worker: number, ...phases: ReadonlyArray<Phase>) =>
  HashMap.toEntries(clientsOf(state, worker))
    .flatMap(([client, phase]) => (phases.includes(phase) ? [client] : []))
    .sort((a, b) => a - b)

const workerOf = ({ workers }: State, client: number) => {
  for (const [worker, clients] of workers) if (HashMap.has(clients, client)) return worker
  return undefined
}

/** Offers the waiting clients to workers. The caller detaches a worker for one client after `HandOver`. */
const assign = (isPerClient: boolean, available: ReadonlyArray<number>, state: State): Transition => {
  const actions: Array<Action> = []
  let next = state
  for (const client of state.waiting) {
    const load = (worker: number) => HashMap.size(clientsOf(next, worker))
    const [first, ...others] = isPerClient ? available.filter((worker) => load(worker) === 0) : available
    if (first === undefined) break
    const worker = others.reduce((least, other) => (load(other) < load(least) ? other : least), first)
    next = withClients(next, worker, HashMap.set(clientsOf(next, worker), client, "Offered"))
    actions.push({ _tag: "Offer", client, worker })
  }
  return [{ ...next, waiting: state.waiting.slice(actions.length) }, actions]
}

const remove = (state: State, client: number): State => {
  const worker = workerOf(state, client)
  return worker === undefined
    ? { ...state, waiting: state.waiting.filter((waiting) => waiting !== client) }
    : withClients(state, worker, HashMap.remove(clientsOf(state, worker), client))
}

const release = (client: number): Action => ({ _tag: "Release", client })

const onResponded = (state: State, worker: number): Transition => {
  const offered = clientsIn(state, worker, "Offered")
  const clients = offered.reduce((all, client) => HashMap.set(all, client, "HandedOver"), clientsOf(state, worker))
  return [withClients(state, worker, clients), offered.map((client) => ({ _tag: "HandOver", client, worker }))]
}

const onSilent = (state: State, worker: number): Transition => {
  const offered = clientsIn(state, worker, "Offered")
  const clients = offered.reduce((all, client) => HashMap.remove(all, client), clientsOf(state, worker))
  return [{ ...withClients(state, worker, clients), waiting: [...offered, ...state.waiting] }, []]
}

const onWorkerEnded = (state: State, worker: number): Transition => {
  const handedOver = clientsIn(state, worker, "HandedOver")
  const actions: ReadonlyArray<Action> = [
    ...clientsIn(state, worker, "Accepted").map(release),
    ...handedOver.map((client) => ({ _tag: "Requeue", client }) as const)
  ]
  const again = clientsIn(state, worker, "HandedOver", "Offered")
  return [{ ...withClients(state, worker, noClients), waiting: [...again, ...state.waiting] }, actions]
}

const onEvent = (state: State, event: Event): Transition => {
  switch (event._tag) {
    case "Connected":
      return [{ ...state, waiting: [...state.waiting, event.client] }, []]
    case "Accepted": {
      const worker = workerOf(state, event.client)
      return worker === undefined
        ? [state, []]
        : [withClients(state, worker, HashMap.set(clientsOf(state, worker), event.client, "Accepted")), []]
    }
    case "Disconnected":
      return [remove(state, event.client), [release(event.client)]]
    case "Abandoned": {
      const worker = workerOf(state, event.client)
      if (worker === undefined) return [remove(state, event.client), []]
      const isOffered = Option.contains(HashMap.get(clientsOf(state, worker), event.client), "Offered")
      return [remove(state, event.client), isOffered ? [] : [{ _tag: "Abort", client: event.client, worker }]]
    }
    case "Responded":
      return onResponded(state, event.worker)
    case "Silent":
      return onSilent(state, event.worker)
    case "WorkerAvailable":
      return [state, []]
    case "StartFailed": {
      const closed = event.isRepeated ? state.waiting : state.waiting.slice(0, 1)
      return [{ ...state, waiting: state.waiting.slice(closed.length) }, closed.map(release)]
    }
    case "WorkerEnded":
      return onWorkerEnded(state, event.worker)
  }
}

/** Applies an event, and offers waiting clients to the workers that are available after it. */
export const step = (
  isPerClient: boolean,
  state: State,
  event: Event,
  available: ReadonlyArray<number>
): Transition => {
  const [changed, actions] = onEvent(state, event)
  const [next, offers] = assign(isPerClient, available, changed)
  return [next, [...actions, ...offers]]
}
