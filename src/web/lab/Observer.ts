/** Observers: pure machines that follow one host by the packets that it sends and receives. */
import type { Recording, WireEvent } from "./Recorder.ts"
import type { Observed } from "./Scenario.ts"
import type { Remark, StateChange } from "./Trace.ts"

/** An observer of one host. */
export interface Observer<State, Message> {
  readonly host: string
  readonly start: State
  readonly step: (
    state: State,
    event: WireEvent<Message>
  ) => readonly [State, remark?: readonly [text: string, tone: Remark["tone"]]]
  readonly name: (state: State) => string
  readonly variables: (state: State) => StateChange["variables"]
}

/** Follows one host through a run: its state at the start, and after each event. */
export const follow = <State, Message>(
  { host, name, start, step, variables }: Observer<State, Message>,
  { wire }: Recording<Message>
): Observed => {
  const states: Array<StateChange> = []
  const remarks: Array<Remark> = []
  const show = (state: State, atMillis: number) =>
    states.push({ atMillis, host, state: name(state), variables: variables(state) })
  let state = start
  show(state, 0)
  for (const event of wire) {
    const { arrow, atMillis } = event
    if (host !== (event._tag === "Sent" ? arrow.from : arrow.to)) continue
    const [next, remark] = step(state, event)
    state = next
    show(state, atMillis)
    if (remark !== undefined) remarks.push({ atMillis, host, text: remark[0], tone: remark[1] })
  }
  return { states, remarks }
}

/** Joins what several observers have seen. */
export const join = (observed: ReadonlyArray<Observed>): Observed => ({
  states: observed.flatMap(({ states }) => states),
  remarks: observed.flatMap(({ remarks }) => remarks)
})
