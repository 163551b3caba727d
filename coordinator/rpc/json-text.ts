// JSON as it comes in. A string in it can hold half of a surrogate pair, as `"\ud83d"`, and what V8 and the framework say of text that
// is no JSON repeats a piece of it that may end in the middle of a pair. No string of protobuf and no header can hold that, so that the
// framework could not even answer: such a call stayed open, unanswered, for as long as its caller waited.
import { Code, ConnectError } from '@connectrpc/connect';

const utf8 = new TextDecoder();
/** Half of a pair comes of a pair, or of an escape of one half. */
const mayHoldHalf = /[\u{10000}-\u{10FFFF}]|\\u[dD][89a-fA-F]/u;

/** What the framework reads JSON with: throws INVALID_ARGUMENT, in words that can be sent, where it could not say itself what is wrong. */
export const jsonText = {
  decode(bytes: Uint8Array): string {
    const text = utf8.decode(bytes);
    if (mayHoldHalf.test(text)) checkJson(text);
    return text;
  },
};

function checkJson(text: string): void {
  try {
    JSON.parse(text, (key, value: unknown) => {
      if (!key.isWellFormed() || (typeof value === 'string' && !value.isWellFormed()))
        throw new SyntaxError('a string holds half of a surrogate pair, which is no character');
      return value;
    });
  } catch (error) {
    throw new ConnectError((error as Error).message.toWellFormed(), Code.InvalidArgument);
  }
}
