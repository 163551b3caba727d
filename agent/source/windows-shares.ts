// Connects shares with Windows' own calls (mpr.dll), in this process's sign-in session: no drive letter, nothing that outlasts it, and no
// password where another process could see it. The calls were tried against a library of the same shape, never on Windows.
import koffi from 'koffi';
import { ConnectError } from './share-error.ts';
import type { ShareConnector } from './share-connector.ts';

/** NETRESOURCEW. */
interface NetResource {
  dwScope: number;
  dwType: number;
  dwDisplayType: number;
  dwUsage: number;
  lpLocalName: null;
  lpRemoteName: string;
  lpComment: null;
  lpProvider: null;
}

type Answered = (error: Error | null, code: number) => void;
type Connect = {
  async(
    resource: NetResource,
    password: string,
    user: string,
    flags: number,
    answered: Answered,
  ): void;
};
/** `force` is a BOOL, which is an int. */
type Cancel = { async(name: string, flags: number, force: number, answered: Answered): void };

const diskResource = 1;
/** Not remembered for the next sign-in of the user, and never a window that asks. */
const connectTemporary = 0x4;

let known: ShareConnector | undefined;

/** Undefined where this is not Windows. */
export function windowsShares(): ShareConnector | undefined {
  if (process.platform !== 'win32') return undefined;
  return (known ??= loadWindowsShares('mpr.dll'));
}

/** By the library of this name. The calls wait for the network, so that they are made beside the main thread. */
export function loadWindowsShares(libraryName: string): ShareConnector {
  const library = koffi.load(libraryName);
  const resource = koffi.struct({
    dwScope: 'uint32_t',
    dwType: 'uint32_t',
    dwDisplayType: 'uint32_t',
    dwUsage: 'uint32_t',
    lpLocalName: 'str16',
    lpRemoteName: 'str16',
    lpComment: 'str16',
    lpProvider: 'str16',
  });
  const add = library.func('__stdcall', 'WNetAddConnection2W', 'uint32_t', [koffi.pointer(resource), 'str16', 'str16', 'uint32_t']) as unknown as Connect; // oxfmt-ignore
  const cancel = library.func('__stdcall', 'WNetCancelConnection2W', 'uint32_t', ['str16', 'uint32_t', 'int']) as unknown as Cancel; // oxfmt-ignore
  return {
    connect: async (share, { user, password }) => {
      const wanted: NetResource = {
        dwScope: 0,
        dwType: diskResource,
        dwDisplayType: 0,
        dwUsage: 0,
        lpLocalName: null,
        lpRemoteName: share,
        lpComment: null,
        lpProvider: null,
      };
      const code = await answerOf((answered) =>
        add.async(wanted, password, user, connectTemporary, answered),
      );
      if (code !== 0) throw new ConnectError(code);
    },
    // What the system says of a connection that is not there changes nothing.
    disconnect: async (share) => {
      await answerOf((answered) => cancel.async(share, 0, 1, answered)).catch(() => undefined);
    },
    sourceOf: ({ server, share, path }) => `\\\\${server}\\${share}${path === '' ? '' : `\\${path}`}`, // oxfmt-ignore
  };
}

function answerOf(call: (answered: Answered) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    call((error, code) => (error === null ? resolve(code) : reject(error)));
  });
}
