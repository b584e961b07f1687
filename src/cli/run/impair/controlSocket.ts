/** A unix socket by which the plan of a running proxy is changed: one command a line, one line in return. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Line from "../../../network/Line.ts"
import type * as Network from "../../../network/Network.ts"
import * as TcpServer from "../../../network/TcpServer.ts"
import type { FaultPlan } from "../../../simulation/faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../../../simulation/faults/FaultPlanSyntax.ts"
import { parseFaultPlan } from "../common/parseFaultPlan.ts"

/** Actions of the commands. */
export interface Control {
  /** Replaces the plan, which is valid. */
  readonly replace: (plan: FaultPlan) => Effect.Effect<void>
  readonly heal: Effect.Effect<void>
  /** Returns the statistics as a value for JSON. */
  readonly stats: Effect.Effect<object>
}

/** Most bytes of a command: a plan may be long. */
const maxLineBytes = 65_536

const maxClients = 16

const help = "plan PLAN, heal, stats"

/** Runs a command. Returns the line that answers it: `ok`, or a JSON value, or `error` and the reason. */
const execute = (control: Control, line: string): Effect.Effect<string> => {
  const [, command = "", rest = ""] = /^\s*(\S*)\s*(.*?)\s*$/.exec(line) ?? []
  if (command === "plan" && rest === "")
    return Effect.succeed("error no plan: give one, such as plan drop=10%, or none for no faults")
  if (command === "plan") {
    const parsed = parseFaultPlan(rest)
    return Result.isFailure(parsed)
      ? Effect.succeed(`error ${parsed.failure}`)
      : Effect.as(control.replace(parsed.success), `ok ${FaultPlanSyntax.format(parsed.success)}`.trim())
  }
  if (rest === "" && command === "heal") return Effect.as(control.heal, "ok")
  if (rest === "" && command === "stats") return Effect.map(control.stats, (stats) => JSON.stringify(stats))
  const unexpected = command === "heal" || command === "stats" ? rest : command
  return Effect.succeed(`error unknown command ${JSON.stringify(unexpected.slice(0, 40))}: the commands are ${help}`)
}

const serveClient = Effect.fnUntraced(function* (
  control: Control,
  connection: Network.Connection,
  { data, sweeper }: TcpServer.ConnectionContext
) {
  const lines = yield* Line.make(connection, {
    ...{ maxLength: maxLineBytes, telnet: false, unterminated: "deliver" },
    ...{ data, sweeper }
  })
  yield* Effect.forever(
    Effect.flatMap(lines.next, (line) =>
      Effect.flatMap(execute(control, line), (answer) => connection.write(`${answer}\n`))
    )
  ).pipe(
    Effect.catch((error) =>
      !Cause.isDone(error) && error._tag === "LineError" ? connection.write(`error ${error.message}\n`) : Effect.void
    )
  )
}, Effect.scoped)

/** Listens on a socket file that only its owner can connect to, until the scope closes. */
export const listen = (path: string, control: Control) =>
  TcpServer.make(
    {
      ...{ path, mode: 0o600, idleTimeout: "1 hour", drain: "1 second", service: "impair control" },
      maxConnections: maxClients,
      busyMessage: `error too many clients (at most ${maxClients}): close another one first\n`
    },
    (connection, context) => serveClient(control, connection, context)
  )
