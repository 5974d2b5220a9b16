#!/bin/sh
# Prints an indexed Job of Kubernetes for a plan, a pod for each task:
#   kubernetes.sh PLAN OUT IMAGE CLAIM | kubectl create -f -
# IMAGE has jules on its PATH. The PersistentVolumeClaim CLAIM holds PLAN, OUT and the bars, and is mounted where they lie here,
# below the folder that SHARED names (default: that of PLAN), so that paths are the same in a pod. PARALLELISM and CPUS say how
# many pods at a time, and what each gets. Kubernetes 1.29 or later: what fails by itself is not started again, and what ends with
# 75, as a task does that waits for the rung before it, or with a signal, is.
set -eu
plan=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
jules sweep run "$1" --out "$2" --prepare -q >/dev/null
out=$(cd "$2" && pwd)
image=$3
claim=$4
shared=${SHARED:-$(dirname "$plan")}
cpus=${CPUS:-1}
# JSON texts are YAML.
json() { printf '"%s"' "$(printf %s "$1" | sed 's/[\\"]/\\&/g')"; }
cat <<YAML
apiVersion: batch/v1
kind: Job
metadata:
  generateName: sweep-
spec:
  completionMode: Indexed
  completions: $(grep -c '' "$plan")
  parallelism: ${PARALLELISM:-4}
  backoffLimitPerIndex: 1000
  podFailurePolicy:
    rules:
      # A node that is lost or drained is no fault of the task.
      - {action: Ignore, onPodConditions: [{type: DisruptionTarget}]}
      - {action: FailIndex, onExitCodes: {operator: In, values: [1, 64, 65, 66, 69, 70, 73, 74, 77, 78]}}
  template:
    spec:
      restartPolicy: Never
      # A minute to write a checkpoint.
      terminationGracePeriodSeconds: 60
      containers:
        - name: train
          image: $(json "$image")
          env:
            - {name: PLAN, value: $(json "$plan")}
            - {name: OUT, value: $(json "$out")}
            - {name: JULES, value: jules}
            - {name: JULES_TRAIN_THREADS, value: "$cpus"}
          command:
            - sh
            - -c
            - |
              id=\$(sed -n "\$((JOB_COMPLETION_INDEX + 1))p" "\$PLAN" | cut -d\" -f8)
              exec sh "\$OUT/\$id/run.sh"
          resources:
            requests: {cpu: "$cpus", memory: 512Mi}
          volumeMounts:
            - {name: shared, mountPath: $(json "$shared")}
      volumes:
        - name: shared
          persistentVolumeClaim: {claimName: $(json "$claim")}
YAML
