// Apart from what reads and writes the vault, because every start of the agent needs the names to parse its arguments.

/** The names of entries, as a person gives them; a Windows account's has the pattern of its shares after it. */
export const credentialNames = ['client-secret', 'client-certificate', 'windows-account'] as const;
export type CredentialName = (typeof credentialNames)[number];
