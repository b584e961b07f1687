/** An update of the page together with its JSON text, so that it is encoded once for all browsers. Pure. */
import * as Schema from "effect/Schema"
import type * as PageState from "./PageState.ts"

/** An update and its JSON text. */
export class EncodedUpdate {
  readonly update: PageState.Update
  /** The JSON text of `update`. */
  readonly text: string

  constructor(update: PageState.Update, text: string) {
    this.update = update
    this.text = text
  }

  /** Returns the update, for an encoder that does not know this class. */
  toJSON(): PageState.Update {
    return this.update
  }
}

/** Schema of an update that is encoded already: `PageState.Update` on the wire, and left as it is by the codec. */
export const schema = Schema.declare((input): input is EncodedUpdate => input instanceof EncodedUpdate, {
  expected: "EncodedUpdate",
  toCodecJson: () => undefined
})
