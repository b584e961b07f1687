/** Scenario that holds a service against a model: clients perform generated commands, and their results are judged. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as History from "../History.ts"
import * as Linearizability from "../Linearizability.ts"
import type * as SimHost from "../network/SimHost.ts"
import * as SimCheckError from "../SimCheckError.ts"
import type * as Simulation from "../Simulation.ts"
import type * as CheckSettings from "./CheckSettings.ts"
import * as CommandList from "./CommandList.ts"
import * as Inputs from "./Inputs.ts"
import * as RunNotes from "./RunNotes.ts"

/** A client of the service, on its own host. */
export interface Client<Service> {
  /** `client1`, `client2`... */
  readonly name: string
  /** Index of the client, from 0. */
  readonly index: number
  readonly host: SimHost.SimHost
  /** Result of `start`. */
  readonly service: Service
}

/** Options of a check against a model. */
export interface Options<S, Op, Result, Service, Session, E, R, RunR> extends CheckSettings.Options {
  /** Arbitrary of effect, or of fast-check, of one command. */
  readonly commands: Inputs.Inputs<Op>
  /** The sequential specification: its initial state, and the result of each command. */
  readonly model: Linearizability.Spec<S, Op, Result>
  /** Adds the hosts of the service and starts it; returns what the clients need of it. */
  readonly start: (simulation: Simulation.Simulation) => Effect.Effect<Service, E, R>
  /** Connects a client, on its host; it performs no command if this fails. Default: the client itself. */
  readonly connect?: ((client: Client<Service>) => Effect.Effect<Session, unknown, RunR>) | undefined
  /** Performs a command, on the host of the client. A command that fails may have taken effect or not. */
  readonly run: (command: Op, session: Session) => Effect.Effect<Result, unknown, RunR>
  /** Number of clients; those of two or more perform their commands concurrently. Default 1. */
  readonly clients?: number | undefined
  /** Maximum number of commands in a run, of all clients together. Default 20. */
  readonly maxCommands?: number | undefined
  /** Virtual time after which a command counts as failed. Default 1 minute. */
  readonly timeout?: Duration.Input | undefined
  /** Maximum pause of a client before each command, generated with the commands in milliseconds. Default 10 ms. */
  readonly pause?: Duration.Input | undefined
  /** Formatters of commands and results. Default: strings unchanged, all else as JSON. */
  readonly show?: History.Show<Op, Result> | undefined
  /** Maximum number of search states; see `Linearizability`. Default 100,000. */
  readonly maxStates?: number | undefined
}

/** Describes why one client differs from the model: the commands before, and the one with another result. */
const describeSequence = <S, Op, Result>(
  verdict: Linearizability.Verdict<S, Op, Result>,
  show: History.Show<Op, Result>
): string | undefined => {
  if (verdict._tag !== "NotLinearizable") return Linearizability.explain(verdict, show)
  const { op = History.showValue, result = History.showValue } = show
  const callOf = ({ op: command, returned }: History.Call<Op, Result>) =>
    `${op(command)}${returned === undefined ? " failed" : ` = ${result(returned.result)}`}`
  return [
    `the service differs from the model at command ${verdict.prefix.length + 1}`,
    ...verdict.prefix.map((call) => `  ${callOf(call)}`),
    ...verdict.mismatches.map(({ call, expected }) => `  ${callOf(call)}, but the model returns ${result(expected)}`)
  ].join("\n")
}

/** A client with its share of the commands. */
interface Program<Op, Result, Service> {
  readonly client: Client<Service>
  readonly commands: CommandList.CommandList<Op>
  readonly recorder: History.Recorder<Op, Result>
  /** Adds a line to the record of the run. */
  readonly note: (level: "call" | "return", message: string) => void
}

/** Performs the commands of a client; a failure ends only its command. */
const perform = Effect.fnUntraced(function* <S, Op, Result, Service, Session, E, R, RunR>(
  { connect, run, show = {}, timeout = "1 minute" }: Options<S, Op, Result, Service, Session, E, R, RunR>,
  { client, commands, note, recorder }: Program<Op, Result, Service>
) {
  const { op: showOp = History.showValue, result: showResult = History.showValue } = show
  const session =
    connect === undefined ? (client as unknown as Session) : yield* Effect.timeout(connect(client), timeout)
  for (const [, command, pauseMillis = 0] of commands) {
    if (pauseMillis > 0) yield* Effect.sleep(pauseMillis)
    note("call", showOp(command))
    const call = recorder.record(client.name, command, Effect.timeout(run(command, session), timeout))
    yield* Effect.matchEffect(call, {
      onFailure: () => Effect.sync(() => note("return", `${showOp(command)} failed`)),
      onSuccess: (result) => Effect.sync(() => note("return", `${showOp(command)} = ${showResult(result)}`))
    })
  }
})

/** Creates the scenario of a check; its input is the commands of all clients. */
export const scenario = <S, Op, Result, Service, Session, E, R, RunR>(
  options: Options<S, Op, Result, Service, Session, E, R, RunR>
) =>
  Effect.fnUntraced(function* (simulation: Simulation.Simulation, commands: CommandList.CommandList<Op>) {
    const { clients = 1, maxStates, model, show = {}, start } = options
    const recorder = History.make<Op, Result>()
    const clock = yield* Clock.Clock
    const service = yield* start(simulation)
    const programs: Array<Effect.Effect<void, never, Exclude<RunR, SimHost.OnHost>>> = []
    for (let index = 0; index < clients; index++) {
      const name = `client${index + 1}`
      const host = yield* simulation.host(name)
      const program = perform(options, {
        client: { name, index, host, service },
        commands: commands.filter(([client]) => client === index),
        recorder,
        note: (level, message) =>
          RunNotes.add(simulation, { at: Number(clock.currentTimeNanosUnsafe()), host: name, level, message })
      })
      // A client that cannot connect performs nothing.
      programs.push(host.run(Effect.ignore(program)))
    }
    yield* Effect.all(programs, { concurrency: "unbounded", discard: true })
    const history = recorder.history()
    yield* simulation.digest("history", history)
    const verdict = Linearizability.check(model, history, { maxStates })
    const message = clients === 1 ? describeSequence(verdict, show) : Linearizability.explain(verdict, show)
    if (message !== undefined) yield* new SimCheckError.ModelMismatch({ message })
  })

/** Returns the arbitrary of the inputs of a check. */
export const inputs = <Op>({
  clients = 1,
  commands,
  maxCommands = 20,
  pause = "10 millis"
}: {
  readonly clients?: number | undefined
  readonly commands: Inputs.Inputs<Op>
  readonly maxCommands?: number | undefined
  readonly pause?: Duration.Input | undefined
}): Inputs.Inputs<CommandList.CommandList<Op>> =>
  // A value that is not an arbitrary is refused with the options of the check.
  !Inputs.isInputs(commands)
    ? (commands as never)
    : CommandList.make(commands, { clients, maxCommands, maxPauseMillis: Duration.toMillis(pause) })

/** Options that are those of any check. */
export const checkOptions = <S, Op, Result, Service, Session, E, R, RunR>({
  clients: _clients,
  commands: _commands,
  connect: _connect,
  maxCommands: _maxCommands,
  maxStates: _maxStates,
  model: _model,
  pause: _pause,
  run: _run,
  show: _show,
  start: _start,
  timeout: _timeout,
  ...rest
}: Options<S, Op, Result, Service, Session, E, R, RunR>): CheckSettings.Options => rest
