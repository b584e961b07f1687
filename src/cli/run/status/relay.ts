/** `status --relay`: the relay (the course's intermediate delivery agent). */
import * as Effect from "effect/Effect"
import * as Relay from "../../../status/transport/Relay.ts"
import { UsageError } from "../../common/CliErrors.ts"
import * as descriptors from "../common/descriptors.ts"
import * as runServer from "../common/runServer.ts"
import { explainListenError } from "../common/serverMessages.ts"

interface Input extends runServer.Operations {
  readonly host: string | undefined
  readonly port: number
  readonly name: string | undefined
  readonly transport: string | undefined
  readonly address: string | undefined
  readonly once: boolean
  readonly screen: boolean
  /** Name of the service in metrics. */
  readonly service?: string | undefined
}

/** Arguments and flags that only peers accept. */
const peerOnlyFlags: ReadonlyArray<readonly [what: string, is: (input: Input) => boolean]> = [
  ["NAME", ({ name }) => name !== undefined],
  ["--transport", ({ transport }) => transport !== undefined],
  ["--address", ({ address }) => address !== undefined],
  ["--once", ({ once }) => once],
  ["--screen", ({ screen }) => screen]
]

/** Runs a relay until the process is stopped. */
export const relay = Effect.fnUntraced(function* (input: Input) {
  const wrong = peerOnlyFlags.find(([, is]) => is(input))
  if (wrong !== undefined) {
    const message = `--relay does not accept ${wrong[0]}, which is for peers: leave one of them out`
    return yield* new UsageError({ message })
  }
  const { host, port, service } = input
  const agent = Effect.catch(
    Relay.make({ host, port, service }),
    explainListenError("status relay", port, "--port", "udp")
  )
  yield* runServer.serve("status relay", input, agent, { capacity: descriptors.unlimited })
})
