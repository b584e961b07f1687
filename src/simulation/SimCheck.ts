/**
 * Checks a scenario on simulated networks: runs it with many seeds and many faults, each run twice, and shrinks the
 * first failure. A failure explains itself: with a sequence diagram of the shrunk run, and the command that repeats it.
 *
 * Environment variables repeat a failure. `SIM_SEED` is the first seed, and the only one unless `SIM_RUNS` is set.
 * `SIM_RUNS` is the number of seeds. `SIM_PLAN` is the fault plan of all runs (`none` for no faults), `SIM_INPUT` the
 * input and `SIM_SWITCHES` the preemptions. `SIM_REPORT=1` prints the statistics. For a failure, `SIM_CAPTURE` names a
 * file for its packets (pcapng), and `SIM_HTML` one for a page.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Checker from "./check/Checker.ts"
import type * as CheckSettings from "./check/CheckSettings.ts"
import type * as Inputs from "./check/Inputs.ts"
import * as ModelCheck from "./check/ModelCheck.ts"
import type * as SimHost from "./network/SimHost.ts"
import type * as SimCheckError from "./SimCheckError.ts"
import type * as Simulation from "./Simulation.ts"

/** Options of a check. @category models @since 0.1.0 */
export interface Options extends CheckSettings.Options {}

/** Options of a check with inputs. @category models @since 0.1.0 */
export interface InputOptions<I> extends Options {
  /**
   * Arbitrary of effect, or of fast-check, of inputs: the scenario gets one as its second parameter, another for each
   * seed. The input of a failure is shrunk together with its faults.
   */
  readonly inputs: Inputs.Inputs<I>
}

/** Statistics of a check that found no failure. @category models @since 0.1.0 */
export interface Summary extends Checker.Summary {}

/**
 * Runs a scenario with every seed and returns statistics if no run fails.
 *
 * Fails with `SimCheckError` if a run fails, does not end, leaks sockets or timers, or differs when repeated; if a
 * rule of the plan never applies; or if a state is never reached.
 *
 * **Example** (A request under delays and small TCP segments)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as NetAddress from "effect/net/NetAddress"
 * import { Network } from "effect-inet/network"
 * import { Rot13Client, Rot13Server } from "effect-inet/rot13"
 * import { SimCheck } from "effect-inet/simulation"
 *
 * const check = SimCheck.check(
 *   Effect.fnUntraced(function* ({ host }) {
 *     const [server, client] = [yield* host("server"), yield* host("client")]
 *     yield* server.start(Rot13Server.make({ host: "0.0.0.0", port: 1067 }))
 *     const request = Effect.flatMap(Network.Network, ({ connect }) =>
 *       Effect.flatMap(connect(NetAddress.inetAddressFromIpStringUnsafe(server.address, 1067)), (connection) =>
 *         Rot13Client.request(connection, new TextEncoder().encode("Hello"))
 *       )
 *     )
 *     const reply = new TextDecoder().decode(yield* client.run(request))
 *     if (reply !== "Uryyb") yield* Effect.fail(new Error(`wrong reply: ${reply}`))
 *   }),
 *   { plan: "chunk=1, delay=10% 1ms..50ms", runs: 20 }
 * )
 * const summary = await Effect.runPromise(check)
 * summary.runs // => 20
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const check: {
  <A, E, R, I>(
    scenario: (simulation: Simulation.Simulation, input: I) => Effect.Effect<A, E, R>,
    options: InputOptions<I>
  ): Effect.Effect<Summary, SimCheckError.SimCheckError, Exclude<R, Scope.Scope>>
  <A, E, R>(
    scenario: (simulation: Simulation.Simulation) => Effect.Effect<A, E, R>,
    options?: Options
  ): Effect.Effect<Summary, SimCheckError.SimCheckError, Exclude<R, Scope.Scope>>
} = <A, E, R, I>(
  scenario: (simulation: Simulation.Simulation, input: I) => Effect.Effect<A, E, R>,
  options: Options & { readonly inputs?: Inputs.Inputs<I> | undefined } = {}
) => Checker.run(scenario, options)

/** Options of a check against a model. @category models @since 0.1.0 */
export interface ModelOptions<S, Op, Result, Service, Session, E, R, RunR>
  extends ModelCheck.Options<S, Op, Result, Service, Session, E, R, RunR> {}

/** A client of the service, on its own host. @category models @since 0.1.0 */
export interface ModelClient<Service> extends ModelCheck.Client<Service> {}

/**
 * Checks a service against a model: clients perform generated commands, and some order of the commands must give the
 * same results in the model.
 *
 * One client performs its commands one after another. The commands of several clients are concurrent; the order must
 * respect their times (`Linearizability`). A command that fails may have taken effect or not. The commands of a failure
 * are shrunk together with its faults.
 *
 * **Example** (Find a lost update)
 *
 * ```ts
 * import * as Arbitrary from "effect/Arbitrary"
 * import * as Effect from "effect/Effect"
 * import * as Ref from "effect/Ref"
 * import * as Schema from "effect/Schema"
 * import { SimCheck } from "effect-inet/simulation"
 *
 * const check = SimCheck.model({
 *   commands: Arbitrary.schema(Schema.Literals(["add", "read"])),
 *   model: { initial: 0, apply: (n, command) => (command === "add" ? [n + 1, n + 1] : [n, n]) },
 *   start: () => Ref.make(0),
 *   run: (command, { service }) =>
 *     Effect.gen(function* () {
 *       const n = yield* Ref.get(service)
 *       if (command === "read") return n
 *       yield* Effect.sleep("1 millis") // The bug: another client may add meanwhile.
 *       yield* Ref.set(service, n + 1)
 *       return n + 1
 *     }),
 *   clients: 2
 * })
 * const { failure } = await Effect.runPromise(Effect.flip(check))
 * failure?.input // => '[[0,"add"],[1,"add"]]'
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const model = <S, Op, Result, Service, Session = ModelClient<Service>, E = never, R = never, RunR = never>(
  options: ModelOptions<S, Op, Result, Service, Session, E, R, RunR>
): Effect.Effect<Summary, SimCheckError.SimCheckError, Exclude<R, Scope.Scope> | Exclude<RunR, SimHost.OnHost>> =>
  Effect.suspend(() =>
    Checker.run(ModelCheck.scenario(options), {
      ...ModelCheck.checkOptions(options),
      inputs: ModelCheck.inputs(options)
    })
  )

/**
 * Formats the statistics of a check: its size and speed, and a table of the states and faults that its runs reached.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (summary: Summary): string => Checker.format(summary)
