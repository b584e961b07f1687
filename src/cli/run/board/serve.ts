/** Program of `board serve`. */
import * as BoardServer from "../../../board/BoardServer.ts"
import * as gameServe from "../games/serve.ts"

type Input = Omit<BoardServer.Options, "model"> & gameServe.Input & { readonly host: string; readonly port: number }

export const serve = ({ model, pool, threads, ...options }: Input) =>
  gameServe.serve("board", { model, pool, threads, ...options }, (model) =>
    BoardServer.make({ ...gameServe.withoutUndefined(options), model })
  )
