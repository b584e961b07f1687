/**
 * Plugin of typedoc: the contents of a page and the anchors of its headings have the whole text of a heading. typedoc
 * takes the text tokens of markdown-it only, and leaves out code spans.
 */

/** A token of markdown-it, as far as it is used here. */
export interface Token {
  readonly type: string
  readonly content: string
  children: ReadonlyArray<Token> | null
}

/** The parser of markdown-it: its core rules run over the tokens of a page. */
interface Parser {
  readonly core: {
    readonly ruler: {
      readonly push: (name: string, rule: (state: { readonly tokens: ReadonlyArray<Token> }) => void) => void
    }
  }
}

/** The application of typedoc, whose options are final once it has started. */
interface Application {
  readonly on: (event: "bootstrapEnd", listener: () => void) => void
  readonly options: { readonly setValue: (option: "markdownItLoader", loader: (parser: Parser) => void) => void }
}

/** Gives each code span of a heading a text token, which typedoc reads instead; it is not rendered. */
export const addText = (tokens: ReadonlyArray<Token>): void => {
  for (const [index, { type }] of tokens.entries()) {
    if (type !== "heading_open") continue
    for (const span of tokens[index + 1]?.children ?? []) {
      if (span.type === "code_inline") span.children = [{ type: "text", content: span.content, children: null }]
    }
  }
}

/** Registers the plugin. */
export const load = (application: Application): void =>
  application.on("bootstrapEnd", () =>
    application.options.setValue("markdownItLoader", (parser) =>
      parser.core.ruler.push("heading-text", ({ tokens }) => addText(tokens))
    )
  )
