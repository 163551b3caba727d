// Who serves the destination of a quick start: a folder nobody, SharePoint a tenant, and its example tenant the emulator, so that
// nobody needs a tenant to see how it goes.
import { parseLocation, type Location } from '../lib/location.ts';
import { secretVariable, signInOptionNames, signInOptions, type SignIn } from './local-sign-in.ts'; // oxfmt-ignore

export type Service =
  | { kind: 'folder' }
  /** The emulator is started, and stands in for contoso's tenant. */
  | { kind: 'emulator' }
  | { kind: 'tenant'; signIn: SignIn };

/** The tenant that Microsoft gives to nobody; the emulator's is called like that. */
const emulatedHosts: readonly string[] = ['contoso.sharepoint.com', 'contoso-my.sharepoint.com'];
const emulatedDomain = 'contoso.com';

/** Who serves the destination, as far as its text and the sign-in say; a text when they do not go together. */
export function chooseService(destination: string, signIn: SignIn): Service | string {
  const location = readLocation(destination);
  const given = signInOptionNames.filter((name) => signIn[name] !== undefined);
  if (location?.kind !== 'sharepoint') {
    if (given.length === 0) return { kind: 'folder' };
    return `${signInOptions[given[0]!]} is for destinations in SharePoint and OneDrive`;
  }
  if (given.length > 0 || signIn.clientSecret !== undefined) return { kind: 'tenant', signIn };
  if (isEmulated(location)) return { kind: 'emulator' };
  return (
    `a sign-in is needed for ${destination}: give --tenant and --client-id, and with them --client-secret-file, ` +
    `--client-certificate-file or the secret in ${secretVariable}; with none of these three a person signs in`
  );
}

/** Whether a person signs in, by a code. */
export function waitsForPerson(service: Service): boolean {
  if (service.kind !== 'tenant') return false;
  const { clientSecret, clientSecretFile, clientCertificateFile } = service.signIn;
  return [clientSecret, clientSecretFile, clientCertificateFile].every((one) => one === undefined);
}

function isEmulated({ place }: Location & { kind: 'sharepoint' }): boolean {
  return place.kind === 'onedrive'
    ? place.user.endsWith(`@${emulatedDomain}`)
    : emulatedHosts.includes(place.host);
}

/** Undefined for what is no location; the coordinator says what is wrong with it. */
function readLocation(text: string): Location | undefined {
  try {
    return parseLocation(text, 'destination');
  } catch {
    return undefined;
  }
}
