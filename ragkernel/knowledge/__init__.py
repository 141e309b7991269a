"""Knowledge bases, their versions, and the runs that build them.

What happens to them is a fact: an event, and the change of rows that it means (`effects`). `facts` records both, in one
transaction where one file holds everything, events first where there are two, and finishes what a kill left between.
`bases` is `service.knowledge_bases`; `build` is one run that makes a version; `prune` removes what old versions held;
`owner` tells whether the process of a run is still there.
"""
