/** Program of `guess serve`. */
import * as GuessServer from "../../../guess/GuessServer.ts"
import type * as ConcurrencyModel from "../../../session/ConcurrencyModel.ts"
import * as gameServe from "../games/serve.ts"

type Input = Omit<GuessServer.Options, "model"> &
  ConcurrencyModel.Options &
  gameServe.Input & { readonly host: string; readonly port: number }

export const serve = ({ model, pool, threads, ...options }: Input) =>
  gameServe.serve("guess", { model, pool, threads, ...options }, (model) =>
    GuessServer.make({ ...gameServe.withoutUndefined(options), model })
  )
