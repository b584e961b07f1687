/** The command `status-of`: prints the states of the services of a running process. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as ServiceState from "../../admin/ServiceState.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import { columns as terminalColumns } from "../../terminal/NodeTerminal.ts"
import * as Table from "../../terminal/Table.ts"
import type { Endpoint } from "../common/flags.ts"
import { formatAge } from "./status/text.ts"

/** A failure to read the states, or a service that is not ready; the message states which. */
class CannotReport extends Data.TaggedError("CannotReport")<{ readonly message: string }> {}

interface Input {
  readonly admin: Endpoint | undefined
  readonly json: boolean
}

/** Time that the admin server has to respond. */
const responseTimeout = "10 seconds"

/** Most bytes of a response. */
const maxResponseBytes = 4_194_304

const parse = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Array(ServiceState.ServiceState)))

const urlOf = ({ host, port }: Endpoint) => `http://${host.includes(":") ? `[${host}]` : host}:${port}/services`

/** Reads the text of a response, which has a limit. */
const readText = (bytes: Stream.Stream<Uint8Array, { readonly message: string }>) =>
  Stream.runFoldEffect(
    bytes,
    () => ({ text: "", length: 0, decoder: new TextDecoder() }),
    ({ decoder, length, text }, chunk) =>
      length + chunk.length > maxResponseBytes
        ? Effect.fail({ message: `the response is too long (more than ${maxResponseBytes} bytes)` })
        : Effect.succeed({
            text: text + decoder.decode(chunk, { stream: true }),
            length: length + chunk.length,
            decoder
          })
  )

const fetchStates = (admin: Endpoint) => {
  const place = `${admin.host}:${admin.port}`
  const fail = (reason: string) =>
    new CannotReport({ message: `cannot read the services of ${place}: ${TerminalText.escape(reason)}` })
  return Effect.gen(function* () {
    const response = yield* Effect.mapError(HttpClient.get(urlOf(admin)), () =>
      fail("no admin server responds there; start the server with --admin")
    )
    if (response.status !== 200) return yield* fail(`the response has status ${response.status} (expected 200)`)
    const { text } = yield* Effect.mapError(readText(response.stream), ({ message }) => fail(message))
    return yield* Effect.mapError(parse(text), () => fail("the response is not a list of services"))
  }).pipe(
    Effect.timeoutOrElse({ duration: responseTimeout, orElse: () => fail("no response within 10 s") }),
    Effect.provide(FetchHttpClient.layer)
  )
}

const columnsAt = (nowMillis: number): ReadonlyArray<Table.Column<ServiceState.ServiceState>> => [
  { title: "service", rank: 0, format: ({ name }) => TerminalText.escape(name) },
  { title: "state", rank: 0, format: ({ state }) => state },
  { title: "address", rank: 1, format: ({ address = "" }) => TerminalText.escape(address) },
  { title: "restarts", rank: 3, alignRight: true, format: ({ restarts }) => `${restarts}` },
  { title: "since", rank: 2, alignRight: true, format: ({ sinceMillis }) => formatAge(nowMillis - sinceMillis) },
  { title: "last error", rank: 4, format: ({ lastError = "" }) => TerminalText.escape(lastError) }
]

/** Width of a table that is not printed to a terminal. */
const unlimitedColumns = 1_000

export const statusOf = Effect.fnUntraced(function* ({ admin = { host: "127.0.0.1", port: 9_067 }, json }: Input) {
  const states = yield* fetchStates(admin)
  if (json) for (const state of states) yield* Console.log(JSON.stringify(state))
  else {
    const isTerminal = yield* (yield* Stdio.Stdio).stdoutIsTerminal
    const now = yield* Clock.currentTimeMillis
    const width = isTerminal ? terminalColumns() : unlimitedColumns
    yield* Console.log(Table.toText(Table.fit(columnsAt(now), states, width)))
  }
  if (ServiceState.healthOf(states).status === "ready") return
  const others = states.filter(({ state }) => state !== "ready")
  const named = others.map(({ name, state }) => `${TerminalText.escape(name)} (${state})`)
  return yield* new CannotReport({ message: `not ready: ${named.join(", ")}` })
})
