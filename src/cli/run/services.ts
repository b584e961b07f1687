import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as ServiceNames from "../../network/names/ServiceNames.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import * as Table from "../../terminal/Table.ts"

interface Input {
  readonly query: string | undefined
  readonly protocol: "tcp" | "udp" | undefined
  readonly json: boolean
}

const columns = [Table.left(16), Table.left(12)]

/** Formats a service as one line. The texts of a services file may have control characters. */
export const line = ({ aliases, name, port, protocol }: ServiceNames.Service) =>
  TerminalText.escape(Table.formatRow(columns, [name, `${port}/${protocol}`, aliases.join(" ")], " ").trimEnd())

/** Returns all services, or those of a name or port: one for each protocol. */
const find = Effect.fnUntraced(function* ({ protocol, query }: Input) {
  const names = yield* ServiceNames.ServiceNames
  const all = names.services.filter((service) => protocol === undefined || service.protocol === protocol)
  if (query === undefined) return all
  const port = /^[-+]?\d+$/.test(query) ? yield* Effect.fromResult(names.resolve(query)) : undefined
  const found = all.filter(({ aliases, name, port: own }) => own === port || name === query || aliases.includes(query))
  if (found.length > 0) return found
  const reason = new ServiceNames.UnknownService({ service: query, protocol })
  return yield* new ServiceNames.ServiceNamesError({ reason })
})

export const services = Effect.fnUntraced(function* (input: Input) {
  for (const service of yield* find(input)) yield* Console.log(input.json ? JSON.stringify(service) : line(service))
}, Effect.provide(ServiceNames.layer()))
