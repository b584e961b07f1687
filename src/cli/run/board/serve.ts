/** Program of `board serve`. */
import * as BoardServer from "../../../board/BoardServer.ts"
import type * as concurrencyModel from "../games/concurrencyModel.ts"
import * as gameServe from "../games/serve.ts"

type Input = Omit<BoardServer.Options, "model"> &
  concurrencyModel.Input & { readonly port: number; readonly json: boolean }

export const serve = ({ model, pool, threads, ...options }: Input) =>
  gameServe.serve("board", { model, pool, threads, ...options }, (model) =>
    BoardServer.make({ ...gameServe.withoutUndefined(options), model })
  )
