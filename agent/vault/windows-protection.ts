// Windows' data protection (DPAPI), which seals with what only this computer has. The calls themselves were tried against a library
// of the same shape, never on Windows.
import { createRequire } from 'node:module';
import type * as Koffi from 'koffi';
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';

export interface DataProtection {
  protect(bytes: Uint8Array): Buffer;
  /** Undefined when it was protected on another computer, or changed. */
  unprotect(bytes: Uint8Array): Buffer | undefined;
}

interface Blob {
  cbData: number;
  pbData: unknown;
}

type ProtectCall = (
  from: Blob,
  description: string | null,
  entropy: Blob,
  reserved: null,
  prompt: null,
  flags: number,
  to: Partial<Blob>,
) => number;

/** Never ask a person: a service has no screen. */
const uiForbidden = 0x1;
/**
 * By what the computer has and not by what one account has: the service and the administrator who sets a password run as different accounts.
 * Who may read the file at all is a matter of its access list.
 */
const localMachine = 0x4;
const flags = uiForbidden + localMachine;
const purpose = Buffer.from('drover agent vault key');

let known: DataProtection | undefined;

/** Undefined where this is not Windows. */
export function dataProtection(): DataProtection | undefined {
  if (process.platform !== 'win32') return undefined;
  return (known ??= loadDataProtection('crypt32.dll', 'kernel32.dll'));
}

/** By the libraries of these names. */
export function loadDataProtection(
  protectionLibrary: string,
  memoryLibrary: string,
): DataProtection {
  // Loaded here, because an agent elsewhere starts faster without it.
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  const library = koffi.load(protectionLibrary);
  const blob = koffi.struct({ cbData: 'uint32_t', pbData: 'uint8_t *' });
  const inwards = koffi.pointer(blob);
  const types = [inwards, 'str16', inwards, 'void *', 'void *', 'uint32_t', koffi.out(koffi.pointer(blob))]; // oxfmt-ignore
  const protect = library.func('__stdcall', 'CryptProtectData', 'int', types) as ProtectCall;
  // Its second argument is where the description goes, which nobody needs.
  const unprotectTypes = types.with(1, 'void *');
  const unprotect = library.func('__stdcall', 'CryptUnprotectData', 'int', unprotectTypes) as ProtectCall; // oxfmt-ignore
  const free = koffi.load(memoryLibrary).func('__stdcall', 'LocalFree', 'void *', ['void *']);

  function call(work: ProtectCall, bytes: Uint8Array): Buffer | undefined {
    const to: Partial<Blob> = {};
    if (work(blobOf(bytes), null, blobOf(purpose), null, null, flags, to) === 0) return undefined;
    const theirs = new Uint8Array(koffi.view(to.pbData, to.cbData ?? 0));
    const answer = Buffer.from(theirs);
    // It may be the key, and what is freed is not cleared.
    theirs.fill(0);
    free(to.pbData);
    return answer;
  }

  return {
    protect: (bytes) => {
      const answer = call(protect, bytes);
      if (answer !== undefined) return answer;
      throw new DroverError(ErrorReason.VAULT_SEALED, 'Windows could not protect the key of the vault (CryptProtectData failed)'); // oxfmt-ignore
    },
    unprotect: (bytes) => call(unprotect, bytes),
  };
}

function blobOf(bytes: Uint8Array): Blob {
  return { cbData: bytes.length, pbData: bytes };
}
