/** The spans of requests and transfers. */
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import * as Endpoint from "../../network/Endpoint.ts"
import * as NameText from "../protocol/NameText.ts"
import type * as TftpServerEvent from "../TftpServerEvent.ts"
import type * as Transfer from "../transfer/Transfer.ts"

/** Runs an effect in a span, if a tracer exports it: unread spans would add 50 us to the 900 us of a small transfer. */
const traced =
  (name: string, options: Tracer.SpanOptions) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.flatMap(Tracer.Tracer, (tracer) =>
      tracer === Tracer.nativeTracer ? effect : Effect.withSpan(effect, name, options)
    )

/** Runs a request in its span. */
export const request = ({ client, filename, kind: opcode, mode }: TftpServerEvent.TransferInfo) =>
  traced("TftpServer.request", {
    kind: "server",
    root: true,
    attributes: { client: Endpoint.format(client), file: NameText.escape(filename), opcode, mode }
  })

/** Runs a transfer in its span. */
export const transfer = ({ run, summary }: Transfer.Transfer) => {
  const annotate = Effect.suspend(() => {
    const { blksize, bytes, windowsize } = summary()
    return Effect.annotateCurrentSpan({ blksize, bytes, windowsize })
  })
  return run.pipe(Effect.ensuring(annotate), traced("TftpServer.transfer", {}))
}
