// What happens at the door for backups is entered in the audit log: that all data was copied, and that somebody tried without the right token.
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { happening } from '../trust/audit-call.ts';
import type { AuditLog } from '../trust/audit-log.ts';
import type { DoorParts } from './door.ts';

type Actions = Pick<DoorParts, 'isAdminToken' | 'createBackup'>;

/** The same, entered. */
export function auditedDoor(audit: AuditLog, { isAdminToken, createBackup }: Actions): Actions {
  return {
    isAdminToken: (token) => {
      const isRight = isAdminToken(token);
      if (!isRight) {
        const refusal = new DroverError(ErrorReason.UNAUTHENTICATED, "the administrator's token is not the right one"); // oxfmt-ignore
        void audit.refused(happening('a backup was asked for', ''), refusal);
      }
      return isRight;
    },
    createBackup: async (to, signal) => {
      const backup = await createBackup(to, signal);
      const call = { ...happening('a backup was made', 'admin-token'), role: Role.ADMIN };
      await audit.note(call, { resource: '', message: `all data were copied to ${backup.folder}` });
      return backup;
    },
  };
}
