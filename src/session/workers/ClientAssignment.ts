/**
 * The assignment of clients to worker processes as a state machine. Pure: the workers that can take a client are an
 * argument.
 *
 * A client waits until a worker is available, in the order of its connection, and gets the one with the fewest clients.
 * If a worker ends, its clients are disconnected, except those whose connections it had not accepted: they wait again,
 * before all others.
 */
import * as HashMap from "effect/HashMap"

/** The clients with and without a worker. */
export interface State {
  readonly waiting: ReadonlyArray<number>
  /** The clients of each worker, and whether it has accepted their connections. */
  readonly workers: ReadonlyMap<number, HashMap.HashMap<number, boolean>>
}

export type Event =
  /** The server accepted a client. */
  | { readonly _tag: "Connected"; readonly client: number }
  /** The session ended in the worker. */
  | { readonly _tag: "Disconnected"; readonly client: number }
  /** The fiber that serves the client was interrupted: no `Release` follows. */
  | { readonly _tag: "Abandoned"; readonly client: number }
  /** The worker of the client has accepted its connection. */
  | { readonly _tag: "Accepted"; readonly client: number }
  | { readonly _tag: "WorkerReady" }
  | { readonly _tag: "WorkerEnded"; readonly worker: number }

export type Action =
  /** Sends the socket of the client to the worker. */
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

const noClients = HashMap.empty<number, boolean>()

/** Returns the clients of a worker. */
export const clientsOf = ({ workers }: State, worker: number) => workers.get(worker) ?? noClients

const withClients = (state: State, worker: number, clients: HashMap.HashMap<number, boolean>): State => {
  const workers = new Map(state.workers)
  if (HashMap.isEmpty(clients)) workers.delete(worker)
  else workers.set(worker, clients)
  return { ...state, workers }
}

const workerOf = ({ workers }: State, client: number) => {
  for (const [worker, clients] of workers) if (HashMap.has(clients, client)) return worker
  return undefined
}

/** Hands the waiting clients to workers. The caller detaches a worker for one client after `HandOver`. */
const assign = (isPerClient: boolean, available: ReadonlyArray<number>, state: State): Transition => {
  const actions: Array<Action> = []
  let next = state
  for (const client of state.waiting) {
    const load = (worker: number) => HashMap.size(clientsOf(next, worker))
    const [first, ...others] = isPerClient ? available.filter((worker) => load(worker) === 0) : available
    if (first === undefined) break
    const worker = others.reduce((least, other) => (load(other) < load(least) ? other : least), first)
    next = withClients(next, worker, HashMap.set(clientsOf(next, worker), client, false))
    actions.push({ _tag: "HandOver", client, worker })
  }
  return [{ ...next, waiting: state.waiting.slice(actions.length) }, actions]
}

const remove = (state: State, client: number): State => {
  const worker = workerOf(state, client)
  return worker === undefined
    ? { ...state, waiting: state.waiting.filter((waiting) => waiting !== client) }
    : withClients(state, worker, HashMap.remove(clientsOf(state, worker), client))
}

const onEvent = (state: State, event: Event): Transition => {
  switch (event._tag) {
    case "Connected":
      return [{ ...state, waiting: [...state.waiting, event.client] }, []]
    case "Accepted": {
      const worker = workerOf(state, event.client)
      return worker === undefined
        ? [state, []]
        : [withClients(state, worker, HashMap.set(clientsOf(state, worker), event.client, true)), []]
    }
    case "Disconnected":
      return [remove(state, event.client), [{ _tag: "Release", client: event.client }]]
    case "Abandoned": {
      const worker = workerOf(state, event.client)
      const actions: ReadonlyArray<Action> =
        worker === undefined ? [] : [{ _tag: "Abort", client: event.client, worker }]
      return [remove(state, event.client), actions]
    }
    case "WorkerReady":
      return [state, []]
    case "WorkerEnded": {
      const clients = HashMap.toEntries(clientsOf(state, event.worker))
      const idsOf = (isAccepted: boolean) =>
        clients.flatMap(([client, accepted]) => (accepted === isAccepted ? [client] : [])).sort((a, b) => a - b)
      const actions: ReadonlyArray<Action> = [
        ...idsOf(true).map((client) => ({ _tag: "Release", client }) as const),
        ...idsOf(false).map((client) => ({ _tag: "Requeue", client }) as const)
      ]
      return [{ ...withClients(state, event.worker, noClients), waiting: [...idsOf(false), ...state.waiting] }, actions]
    }
  }
}

/** Applies an event, and hands waiting clients to the workers that are available after it. */
export const step = (
  isPerClient: boolean,
  state: State,
  event: Event,
  available: ReadonlyArray<number>
): Transition => {
  const [changed, actions] = onEvent(state, event)
  const [next, handOvers] = assign(isPerClient, available, changed)
  return [next, [...actions, ...handOvers]]
}
