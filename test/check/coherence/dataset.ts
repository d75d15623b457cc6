import { createCollection, createCounter, createPresence, createTally } from "./ledger.ts";
import type { Random } from "./random.ts";
import type { Project, Read, Subject, User, Write } from "./subjects.ts";
import * as subject from "./subjects.ts";

/** How many of each exist at a time. Few, so that answers repeat. */
const SIZES = { users: 16, projects: 8, jobs: 4, members: 60 } as const;
/** How many of the users own the projects. */
const OWNERS = 4;
/** One in this many is also written with SQL, past the service. */
const EVERY_OUTSIDE = 4;
const FORGET_DELETED_AFTER_MS = 5_000;

export type Dataset = ReturnType<typeof createDataset>;

/** Sends a write through the service. */
export type Send = (write: Write) => Promise<void>;

/** The rows that are read and written, the reads that check them, and the writes that can come next. */
export function createDataset(random: Random) {
  let serial = 0;
  const users: User[] = [];
  const usersByGithubId = new Map<string, User>();
  const projects: Project[] = [];
  const jobs: Subject[] = [];
  const failedJobs: Subject[] = [];
  const usersTally = createTally("users");
  // The administrator who sends the requests is one of the users.
  usersTally.created.invoked++;
  usersTally.created.acknowledged++;
  /** The list of members in use. When it is full, another one with a new owner takes its place. */
  let members: ReturnType<typeof newMembers> | undefined;
  const comingAndGoing = { tally: createTally("projects that come and go"), owner: newUser(false) };
  const jobsTally = createTally("jobs of a project");
  let jobsProject: string | undefined;
  /** Rows that are deleted after a while. */
  const victims: { readonly read: Read; readonly delete: () => Write; id: string }[] = [];
  const cascades: { readonly userId: string; readonly commit: () => void; readonly invoke: () => void }[] =
    [];
  const graveyard = new Set<Read>();
  /** Names of projects whose creation was not acknowledged, with a function to call when they are found. */
  const doubtful = new Map<string, () => void>();
  /** Ids of projects whose deletion was not acknowledged, with a function to call when they are gone. */
  const doubtfulDeletions = new Map<string, () => void>();
  let cachedReads: readonly Read[] | undefined;

  function newUser(hasOutsideWriters: boolean): User {
    const githubId = String(1_000_000 + ++serial);
    const user = {
      githubId,
      id: undefined,
      counter: createCounter(`user ${githubId}`, { hasOutsideWriters }),
    };
    usersByGithubId.set(githubId, user);
    for (const oldest of usersByGithubId.keys()) {
      if (usersByGithubId.size <= 2 * SIZES.users) break;
      usersByGithubId.delete(oldest);
    }
    return user;
  }

  const changed = () => {
    cachedReads = undefined;
  };

  const invokeUser = ({ counter }: User): number => {
    const value = counter.invoke();
    if (value === 1) usersTally.created.invoked++;
    return value;
  };

  const upsertUser = (user: User): Write => {
    const value = invokeUser(user);
    return {
      name: "upsertUser",
      body: subject.mutations.upsertUser(user.githubId, String(value)),
      acknowledge(data) {
        user.counter.acknowledge(value);
        noteUser(user, data.upsertUser.user.id);
      },
    };
  };

  /** Notes that the user exists. */
  const noteUser = (user: User, id: string) => {
    if (user.id !== undefined) return;
    user.id = id;
    usersTally.created.acknowledged++;
    changed();
  };

  const importProject = (owner: User, hasOutsideWriters: boolean, add: (project: Project) => void): Write => {
    const counter = createCounter(`project ${++serial}`, { hasOutsideWriters });
    const value = counter.invoke();
    return {
      name: "importProject",
      body: subject.mutations.importProject(owner.id!, String(value)),
      acknowledge(data) {
        counter.acknowledge(value);
        add({ counter, owner, id: data.importProject.project.id });
        changed();
      },
    };
  };

  const createJob = (add: (job: Subject) => void): Write => {
    const counter = createCounter(`job ${++serial}`, { hasOutsideWriters: false });
    const value = counter.invoke();
    jobsTally.created.invoked++;
    return {
      name: "createConversionJob",
      body: subject.mutations.createJob(jobsProject!, value),
      acknowledge(data) {
        jobsTally.created.acknowledged++;
        counter.acknowledge(value);
        add({ counter, id: data.createConversionJob.conversionJob.id });
        changed();
      },
    };
  };

  function newMembers(owner: User, hasOutsideWriters: boolean) {
    return { owner, collection: createCollection(`projects of ${owner.githubId}`, { hasOutsideWriters }) };
  }

  /** Adds an owner without projects, for the next list of members. */
  const addOwner = (): Write => {
    const owner = newUser(false);
    const write = upsertUser(owner);
    return {
      ...write,
      acknowledge(data) {
        write.acknowledge(data);
        if (members !== undefined && members.collection.size() < SIZES.members) return;
        members = newMembers(owner, random.chance(0.5));
        changed();
      },
    };
  };

  const addMember = (): Write => {
    const { collection, owner } = members!;
    const name = `m-${++serial}`;
    collection.invoke(name);
    return {
      name: "importProject",
      body: subject.mutations.importProject(owner.id!, name),
      acknowledge: () => collection.acknowledge(name),
      fail: () => void doubtful.set(name, () => collection.acknowledge(name)),
    };
  };

  /** Adds a project that the service deletes later. */
  const addVictim = (): Write => {
    const { tally, owner } = comingAndGoing;
    const name = `v-${++serial}`;
    const presence = createPresence(`project ${name}`);
    tally.created.invoked++;
    return {
      name: "importProject",
      body: subject.mutations.importProject(owner.id!, name),
      fail: () => void doubtful.set(name, () => tally.created.acknowledged++),
      acknowledge(data) {
        const { id } = data.importProject.project;
        presence.known.isCreated = true;
        tally.created.acknowledged++;
        const read = subject.readPresenceOfProject(presence, id);
        victims.push({
          id,
          read,
          delete(): Write {
            presence.known.isDeletionInvoked = true;
            tally.deleted.invoked++;
            bury([read]);
            const gone = () => {
              presence.known.isDeleted = true;
              tally.deleted.acknowledged++;
            };
            return {
              name: "deleteProject",
              body: subject.mutations.deleteProject(id),
              acknowledge: gone,
              fail: () => void doubtfulDeletions.set(id, gone),
            };
          },
        });
        changed();
      },
    };
  };

  /** Adds a user with a project, which outside.ts deletes with SQL. */
  const addCascade = async (send: Send): Promise<void> => {
    const githubId = String(1_000_000 + ++serial);
    usersTally.created.invoked++;
    const ofUser = createPresence(`user ${githubId}`);
    let userId = "";
    await send({
      name: "upsertUser",
      body: subject.mutations.upsertUser(githubId, "1"),
      acknowledge(data) {
        userId = data.upsertUser.user.id;
        ofUser.known.isCreated = true;
        usersTally.created.acknowledged++;
      },
    });
    if (userId === "") return;
    await send({
      name: "importProject",
      body: subject.mutations.importProject(userId, `c-${serial}`),
      acknowledge(data) {
        const ofProject = createPresence(`project c-${serial}`);
        ofProject.known.isCreated = true;
        const reads = [
          subject.readPresenceOfUser(ofUser, githubId),
          subject.readPresenceOfProject(ofProject, data.importProject.project.id),
        ];
        for (const read of reads) graveyard.add(read);
        changed();
        cascades.push({
          userId,
          invoke() {
            ofUser.known.isDeletionInvoked = ofProject.known.isDeletionInvoked = true;
            usersTally.deleted.invoked++;
            bury(reads);
          },
          commit() {
            ofUser.known.isDeleted = ofProject.known.isDeleted = true;
            usersTally.deleted.acknowledged++;
          },
        });
      },
    });
  };

  /** Keeps the reads of deleted rows for a while. */
  const bury = (reads: readonly Read[]) => {
    for (const read of reads) graveyard.add(read);
    changed();
    setTimeout(() => {
      for (const read of reads) graveyard.delete(read);
      changed();
    }, FORGET_DELETED_AFTER_MS).unref();
  };

  const rotateUsers = () => {
    // The oldest user without projects makes room for one that does not exist yet: its look-ups find nothing.
    users.splice(OWNERS, 1);
    users.push(newUser(serial % EVERY_OUTSIDE === 0));
    changed();
  };

  const renameProject = (project: Project): Write => {
    const value = project.counter.invoke();
    return {
      name: "updateProject",
      body: subject.mutations.renameProject(project.id!, String(value)),
      acknowledge: () => project.counter.acknowledge(value),
    };
  };

  const updateJob = (job: Subject): Write => {
    const value = job.counter.invoke();
    return {
      name: "updateConversionJob",
      body: subject.mutations.updateJob(job.id!, value),
      acknowledge: () => job.counter.acknowledge(value),
    };
  };

  return {
    /** Creates the rows that exist from the start. */
    async fill(send: Send, failJob: (id: string) => Promise<void>): Promise<void> {
      await send(upsertUser(comingAndGoing.owner));
      for (let index = 0; index < SIZES.users; index++) users.push(newUser(index % EVERY_OUTSIDE === 0));
      // The last three users do not exist yet.
      for (const user of users.slice(0, -3)) await send(upsertUser(user));
      await send(addOwner());
      for (let index = 0; index < SIZES.projects; index++) {
        await send(
          importProject(users[index % OWNERS]!, index % EVERY_OUTSIDE === 0, (project) =>
            projects.push(project),
          ),
        );
      }
      jobsProject = projects[0]!.id;
      for (let index = 0; index < SIZES.jobs; index++) await send(createJob((job) => jobs.push(job)));
      for (let index = 0; index < 2; index++) {
        await send(
          createJob(({ id }) => {
            const counter = createCounter(`failed job ${id}`, { hasOutsideWriters: true });
            failedJobs.push({ id, counter });
          }),
        );
      }
      for (const { id } of failedJobs) await failJob(id!);
      changed();
    },

    reads(): readonly Read[] {
      cachedReads ??= [
        ...users.map(subject.readUserByGithubId),
        ...projects.map(subject.readProject),
        ...(failedJobs.length > 0
          ? [
              // These projects were created first.
              subject.readProjectsInParts(`last: ${SIZES.projects}`, projects, failedJobs),
              ...users.slice(0, OWNERS).map((owner) => {
                const theirs = projects.filter((project) => project.owner === owner);
                return subject.readProjectsInParts(`ownerId: "${owner.id}"`, theirs, failedJobs);
              }),
            ]
          : []),
        ...users.filter(({ id }) => id !== undefined).map(subject.readUserById),
        ...failedJobs.map(subject.readFailedJob),
        ...(members
          ? [
              subject.readMemberCount(members.collection, members.owner.id!),
              subject.readMemberStatistics(members.collection, members.owner.id!),
              subject.readMembers(members.collection, members.owner.id!),
            ]
          : []),
        ...(jobsProject
          ? [subject.readJobCount(jobsTally, jobsProject), subject.readJobStatistics(jobsTally, jobsProject)]
          : []),
        ...jobs.map(subject.readPlan),
        ...victims.map(({ read }) => read),
        ...graveyard,
        subject.readProjectTally(comingAndGoing.tally, comingAndGoing.owner.id!),
        subject.readUserStatistics(usersTally),
        subject.readNewestUsers(usersTally, usersByGithubId),
      ];
      return cachedReads;
    },

    /** The next write for the service. */
    nextWrite(): Write {
      const dice = random.next();
      // Users with outside writers are created by those first.
      const present = users.filter(({ id, counter }) => id !== undefined || !counter.hasOutsideWriters);
      if (dice < 0.45) return upsertUser(random.pick(present));
      if (dice < 0.7) return renameProject(random.pick(projects));
      if (dice < 0.8) return updateJob(random.pick(jobs));
      if (dice < 0.87) return members!.collection.size() < SIZES.members ? addMember() : addOwner();
      if (dice < 0.9) return createJob(() => {});
      if (dice < 0.96) {
        const oldest = victims.length >= 3 ? victims.shift() : undefined;
        return oldest?.delete() ?? addVictim();
      }
      if (dice < 0.98) rotateUsers();
      return upsertUser(random.pick(present));
    },

    addCascade,
    cascades,
    doubtful,
    doubtfulDeletions,
    invokeUser,
    projects,
    users,
    failedJobs,
    noteUser,
    members: () => members!,
    newMemberName: () => `o-${++serial}`,
  };
}
