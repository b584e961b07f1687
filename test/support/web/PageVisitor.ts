/** A visitor of a page: the requests of a browser, without a browser. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Stream from "effect/Stream"
import * as Socket from "effect/socket/Socket"
import { PageRpc } from "../../../src/web/PageRpc.ts"
import * as PageState from "../../../src/web/PageState.ts"

/** Connects to the page of a link until the scope closes. `token` is that of the link, or empty. */
export const visit = Effect.fnUntraced(function* (link: string) {
  const { hash, host } = new URL(link)
  const socket = yield* Socket.makeWebSocket(`ws://${host}/rpc`).pipe(
    Effect.provideService(Socket.WebSocketConstructor, (url) => new globalThis.WebSocket(url))
  )
  const protocol = yield* RpcClient.makeProtocolSocket().pipe(
    Effect.provideService(Socket.Socket, socket),
    Effect.provideService(RpcSerialization.RpcSerialization, RpcSerialization.json)
  )
  const calls = yield* RpcClient.make(PageRpc, { disableTracing: true }).pipe(
    Effect.provideService(RpcClient.Protocol, protocol)
  )
  /** Watches until the state of the process is as wanted, and returns it. */
  const until = (isWanted: (snapshot: PageState.Snapshot) => boolean) =>
    calls.watch().pipe(
      Stream.scan(
        () => PageState.empty,
        (before, { atMillis: _, ...update }): PageState.Snapshot => ({ ...before, ...update })
      ),
      Stream.filter(isWanted),
      Stream.runHead,
      Effect.map(Option.getOrThrow)
    )
  return { calls, until, token: hash.replace(/^#token=/, "") }
})
